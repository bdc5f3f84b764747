"""Other processes, here and on other machines, that fetch the files of a mirror.

The driver's side: a `carrier` gives each file a `parcel`, which makes `orders`, one after what
came of the other. `traffic` holds them back for their hosts, `dispatch` hands them to an `engine`
(`processes`, `dask`), and `flights` remembers those that are out. A `depot` (`intofolder`,
`intobucket`) says where bytes go, and gives whole files their names (`receiving`, `keying`).

The workers' side: `worker` carries out one order and returns an answer (`answers`). What the
orders of one driver share in a process is its `station`; driver and workers meet in a `camp`, a
folder that all of them see, or at a `beacon`, an object in the bucket.
"""
