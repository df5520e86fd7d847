"""Ranked lists: how they are drawn, examined and valued."""
