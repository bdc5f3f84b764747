"""Other processes, here and on other machines, that fetch the files of a mirror."""
