"""The local journal: lines, the segments they are in, who appends to them and when they are on the disk."""
