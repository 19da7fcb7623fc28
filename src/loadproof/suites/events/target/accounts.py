"""Signing in, staying signed in, signing up."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import AfterValidator, BaseModel, model_validator
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from loadproof.suites.events.target.mail import verification_mail
from loadproof.suites.events.target.passwords import hashed, matches, weakness
from loadproof.suites.events.target.platform import (
    ENTRY_CALLS,
    REGISTRATIONS,
    Caller,
    Platform,
    Wired,
    unauthorized,
)
from loadproof.suites.events.target.tables import SpentToken, User
from loadproof.suites.events.target.tokens import ACCESS, REFRESH, VERIFICATION, BadTokenError

routes = APIRouter(prefix="/api")


def _address(text: str) -> str:
    local, at, domain = text.strip().lower().partition("@")
    if not (local and at and "." in domain) or " " in text.strip():
        raise ValueError("Enter a valid email address.")
    return f"{local}@{domain}"


Address = Annotated[str, AfterValidator(_address)]


class Credentials(BaseModel):
    """Who signs in; ``username`` and ``email`` are the same thing."""

    username: str = ""
    email: str = ""
    password: str

    @model_validator(mode="after")
    def _named(self) -> "Credentials":
        if not (self.username or self.email):
            raise ValueError("username or email is required")
        return self


class RefreshToken(BaseModel):
    """A token for new tokens."""

    refresh: str


class VerificationToken(BaseModel):
    """The token of a mail."""

    token: str


class Registration(BaseModel):
    """Who signs up: with ``password1`` and ``password2``, or with ``password`` alone."""

    email: Address
    password: str = ""
    password1: str = ""
    password2: str = ""
    first_name: str = ""
    last_name: str = ""
    accept_toc_and_privacy: bool = True


@routes.post("/auth/token/pair")
def sign_in(credentials: Credentials, request: Request, platform: Wired) -> dict[str, str]:
    """Tokens for an address and its password."""
    platform.throttle(request, "auth", ENTRY_CALLS)
    email = (credentials.username or credentials.email).strip().lower()
    with platform.database.read() as session:
        user = session.scalar(select(User).where(User.email == email))
    if user is None or not matches(credentials.password, user.password):
        raise unauthorized("No active account found with the given credentials")
    if not user.verified:
        raise unauthorized("The email address of this account is not verified")
    platform.board.count(f"sign-ins {user.email}")
    return {"username": user.email, **_token_pair(platform, user.id)}


@routes.post("/auth/token/refresh")
def refresh_tokens(token: RefreshToken, request: Request, platform: Wired) -> dict[str, str]:
    """New tokens for a refresh token, which is spent by that."""
    platform.throttle(request, "auth", ENTRY_CALLS)
    try:
        claims = platform.signer.read(token.refresh, REFRESH)
        _spend(platform, claims)
    except BadTokenError as error:
        raise unauthorized(str(error)) from None
    return _token_pair(platform, UUID(claims["user_id"]))


@routes.get("/account/me")
def show_account(user: Caller) -> dict[str, Any]:
    """Whoever is calling."""
    return _account(user)


@routes.post("/account/register", status_code=201)
def register(registration: Registration, request: Request, response: Response, platform: Wired) -> dict[str, Any]:
    """A new account, and a mail to its address."""
    platform.throttle(request, "registration", REGISTRATIONS)
    password = registration.password1 or registration.password
    if registration.password2 and registration.password2 != password:
        raise HTTPException(400, {"password2": ["The two password fields didn't match."]})
    if not registration.accept_toc_and_privacy:
        raise HTTPException(400, {"accept_toc_and_privacy": ["The terms must be accepted."]})
    if reason := weakness(password):
        raise HTTPException(400, {"password1": [reason]})
    user = User(
        email=registration.email,
        password=hashed(password, platform.settings.password_iterations),
        first_name=registration.first_name,
        last_name=registration.last_name,
    )
    try:
        with platform.database.write() as session:
            session.add(user)
    except IntegrityError:
        raise HTTPException(400, {"email": ["A user with this email already exists."]}) from None
    token = platform.signer.sign(VERIFICATION, user.id, platform.settings.verification_lifetime)
    platform.mailer.post(user.email, *verification_mail(platform.settings.frontend_url, token))
    if platform.settings.system_testing:
        response.headers["X-Test-Verification-Token"] = token
    return _account(user)


@routes.post("/account/verify")
def verify(verification: VerificationToken, platform: Wired) -> dict[str, Any]:
    """The address is proven, and its owner signed in; once for each token."""
    try:
        claims = platform.signer.read(verification.token, VERIFICATION)
        _spend(platform, claims)
    except BadTokenError as error:
        raise HTTPException(400, str(error)) from None
    with platform.database.write() as session:
        user = session.get(User, UUID(claims["user_id"]))
        if user is None:
            raise HTTPException(400, "User not found")
        user.verified = True
    return {"user": _account(user), "token": _token_pair(platform, user.id)}


def _token_pair(platform: Platform, user: UUID) -> dict[str, str]:
    return {
        "access": platform.signer.sign(ACCESS, user, platform.access_lifetime()),
        "refresh": platform.signer.sign(REFRESH, user, platform.settings.refresh_lifetime),
    }


def _spend(platform: Platform, claims: dict[str, Any]) -> None:
    # The key of the table decides between two that come at once with the same token.
    try:
        with platform.database.write() as session:
            session.add(SpentToken(jti=claims["jti"], expires_at=datetime.fromtimestamp(claims["exp"], UTC)))
    except IntegrityError:
        raise BadTokenError("Token is blacklisted: it was used before") from None


def _account(user: User) -> dict[str, Any]:
    return {
        "id": str(user.id),
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email_verified": user.verified,
    }
