"""Booking sites."""
