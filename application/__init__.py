"""FitTrack, the protected application: small but real.

Users earn points with activities and buy tickets for drawings with them. It knows one database, the one of its own
region, and runs warm beside a mounted standby until that database opens for it. It imports nothing of the recovery
tools or the simulator: it is what they protect.
"""
