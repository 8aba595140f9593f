"""The commands, a module for each subject: arguments in, one call, results out."""
