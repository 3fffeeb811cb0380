"""Files that people have, in: tables and catalogue answers → rows of the catalogues."""
