"""Supervises one start-up: follows log and processes, tells a hang from slow work, keeps the evidence.

Floor 13. `decide`, `motion`, `patience` and `hearing` are pure: observations in, decisions out, and time is an
argument. The rest follows files, processes and signals; what goes wrong there never harms the server.

    options     what the user asked for
    patience    how long each phase may stand still
    motion      which counters show that something moves
    hearing     log bytes → the phase, what is new, who waits
    decide      observations and looks → wait, look, ready, dead, stalled, overdue
    status      what is said while it waits
    follow      the bytes that a file grew by
    tree        the counters of a tree of processes
    health      whether a URL answers
    command     starts the command, hears of its end, ends all of it
    outputs     where the command writes, and what is passed on
    held        signals on their way to the server
    keep        where a look is kept
    aside       a look and its diagnosis in a process of its own
    supervise   the loop
"""
