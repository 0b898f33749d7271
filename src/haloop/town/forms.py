"""What a form sends: its fields, of which the town's servers take the first of each name."""

from urllib.parse import parse_qs

from fastapi import Request


async def read_form(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
