"""Commands of what is live and what comes next: releases, the challenger, snapshots of training data."""
