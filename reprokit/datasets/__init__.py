"""What a dataset holds: its files and their digests, its columns, its rows, and what can be proved of them.

`walking`, `hashing` and `chunks` read files; `sources` has one file a kind of data, and yields rows; `fingerprint`,
`statistics`, `rowsets` and `optout` take the rows in one pass. Nothing here prints or knows where manifests are kept.
"""
