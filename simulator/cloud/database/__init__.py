"""The Database service: Autonomous Databases, their Data Guard associations and wallets."""
