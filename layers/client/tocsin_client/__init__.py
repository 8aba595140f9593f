"""Tocsin for those who send it events: standard library only, so that anything can attach it."""
