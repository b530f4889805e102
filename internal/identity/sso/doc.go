// Package sso signs people in through a provider of identities that speaks OpenID Connect: the authorization
// code flow with PKCE, checked by github.com/coreos/go-oidc.
//
// The provider is the installation's, set by the operator (sso.issuer …). What its groups may in an
// organization is the organization's, kept in tables and edited by those who manage its members.
//
// Tables (0111_sso.sql): sso_identities, sso_mappings; memberships.via and project_members.via say what a group
// gave, organizations.sso_required closes an organization to sessions that began with a password.
//
// Routes (http.go): GET /signin/sso and /signin/sso/callback, for browsers; POST /signin/sso/logout, for the provider; GET /api/sso; GET, POST and DELETE
// /api/account/sso, one's own links; GET and POST /api/organization/sso and its mappings.
//
// Invariants:
//
//   - What a flow needs to be finished (state, nonce, PKCE verifier, where to go) lies in a sealed cookie of ten
//     minutes that the callback takes away: a flow ends in the browser that began it, once. An answer without
//     that cookie, or with another state, is refused before anything is asked of the provider.
//   - An ID token counts when its signature is by a key of the provider with an asymmetric algorithm, its issuer
//     and audience are ours, it is not over, and its nonce is the flow's.
//   - Issuer and subject name a person. An e-mail address, which has to be verified by the provider, links them
//     to an account that exists, once. As somebody else may have prepared that account, its password, second
//     factor and sessions end with it, and its API keys unless its address had been shown to be its user's; linking
//     from within a session keeps them.
//   - Without an account, an invitation or a group that an organization maps, nobody gets in, unless the
//     operator lets the provider's people become members (sso.create).
//   - At each sign-in the roles follow the groups, downwards too, unless no groups are read; what was given by hand is kept where no group
//     speaks of it, and an organization's only owner stays.
//   - After sign-in the browser goes to a path of this server, nowhere else.
//   - A logout token of the provider ends sessions that began through it, and nothing else does.
//   - Tokens of the provider are not kept, and are in no log.
package sso
