"""The commands of `hac-analyze`, one file each; they may call the reports that draw their results."""
