"""A regular package: a dependency that installs one of the same name must not come first."""
