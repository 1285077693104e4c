"""What the command ``chainrule`` does, one file a subcommand."""
