"""Run folders in, tables and charts out. Nothing here touches a process, a network or a database."""
