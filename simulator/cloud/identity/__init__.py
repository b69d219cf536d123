"""IAM: users, groups, memberships, API keys. Written in the home region, read in both."""
