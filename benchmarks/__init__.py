"""What the project promises in numbers, measured: ``make bench``. Each figure stands beside its goal."""
