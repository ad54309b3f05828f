"""`make bench`: what our pages cost beside a floor that is measured in the same run on the same machine."""
