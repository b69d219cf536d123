"""What every simulated process stands on: clock, store, due transitions, sockets and their faults, keys."""
