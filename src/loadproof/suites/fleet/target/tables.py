"""The tables of the fleet API."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, MetaData, String, Table

METADATA = MetaData()

KAFKAS = Table(
    "kafkas",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("cloud_provider", String, nullable=False),
    Column("region", String, nullable=False),
    Column("multi_az", Boolean, nullable=False),
    Column("owner", String, nullable=False, index=True),
    Column("organisation_id", String, nullable=False, index=True),
    Column("failed", Boolean, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("preparing_at", Float, nullable=False),
    Column("provisioning_at", Float, nullable=False),
    Column("settled_at", Float, nullable=False),
    Column("deprovision_at", Float),
    Column("deleting_at", Float),
    Column("gone_at", Float),
)
"""The clusters. Their moments are in seconds since 1970; those of the end are null while nobody asked for it."""

SERVICE_ACCOUNTS = Table(
    "service_accounts",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("description", String, nullable=False),
    Column("client_id", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("organisation_id", String, nullable=False, index=True),
    Column("created_at", Float, nullable=False),
)
"""The service accounts. Their secrets are told once and not kept."""
