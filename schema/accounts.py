"""Accounts: people and partners' apps."""

import strawberry


@strawberry.type(description="A person with an account.")
class User:
    """`core.domain.accounts.User`."""

    id: strawberry.ID = strawberry.field(description="The user's id.")
    name: str = strawberry.field(description="The user's name.")


@strawberry.type(description="An OAuth client: a partner's app.")
class Client:
    """`core.domain.accounts.Client`."""

    id: strawberry.ID = strawberry.field(description="The client's id.")
    name: str = strawberry.field(description="The client's name.")
