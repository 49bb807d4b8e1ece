"""The Python API: the functions that `reprokit` exports, one file each. Imported when the first of them is used."""
