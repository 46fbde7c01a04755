"""What every command line shares: options, exit codes, progress, `release`."""
