"""Run folders in, tables and charts out. Nothing here touches a process, a network or a database.

`schema` says what the columns of the frames are. The rooms, from the bottom up: reading; steps and failures; auditing;
`analysed_run`, which makes one run of these; comparing; showing; and `cli`, the command.
"""
