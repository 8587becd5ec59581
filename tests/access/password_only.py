"""Operations that stay closed to keys on purpose, as those do that nobody has thought of."""

PASSWORD_ONLY = frozenset(
    {
        "DELETE /v1/admin/orgs",
        "DELETE /v1/admin/users",
        "GET /v1/admin/doctor",
        "GET /v1/admin/orgs",
        "GET /v1/admin/users",
        "GET /v1/tools/mcp/oauth/callback",
        "PATCH /v1/admin/orgs",
        "POST /v1/admin/orgs",
        "POST /v1/admin/users",
        "POST /v1/auth",
        "PUT /v1/admin/users",
    }
)
