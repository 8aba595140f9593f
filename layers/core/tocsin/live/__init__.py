"""What happens, told over WebSockets while it happens: tickets, connections, messages."""
