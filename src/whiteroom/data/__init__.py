"""Keeps data and delivers it (ports.Data, ports.LocalData): in folders of this machine by default."""
