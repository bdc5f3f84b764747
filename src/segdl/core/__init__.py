"""Decisions as functions of plain values: no sockets, no files, no clock, no threads."""
