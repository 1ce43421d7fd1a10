"""What ``flask realtime doctor`` looks at: a file for each part; each finding says how to mend it."""
