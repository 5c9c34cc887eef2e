-- organizations/reads.sql: what is read of organizations, their members and tokens, in the
-- words of docs/sql-api.md.

COMMENT ON TABLE cdc.organization IS 'Organizations: each owns services, pipelines and tokens. Readers: its members.';
COMMENT ON COLUMN cdc.organization.id IS 'Its id.';
COMMENT ON COLUMN cdc.organization.name IS 'What its owner calls it, 1 to 255 characters.';
COMMENT ON COLUMN cdc.organization.slug IS 'Its short name, unique in the installation: lower case letters, digits and hyphens.';
COMMENT ON COLUMN cdc.organization.is_personal IS 'It is its maker''s own: what a call of his means that names none.';
COMMENT ON COLUMN cdc.organization.created_at IS 'When it was made.';
COMMENT ON COLUMN cdc.organization.made_by_oid IS 'The role that made it, by its OID on the server of system_identifier; NULL: not known.';
COMMENT ON COLUMN cdc.organization.system_identifier IS 'The server on which made_by_oid means the role; NULL: none.';

COMMENT ON TABLE cdc.organization_member IS
	'Who is in which organization, who is invited, who has declined; cdc.list_members() shows it with the names of now. Readers: members of the '
	'organization.';
COMMENT ON COLUMN cdc.organization_member.organization_id IS 'The organization.';
COMMENT ON COLUMN cdc.organization_member.member IS 'The role''s name when the worker last looked, within a minute.';
COMMENT ON COLUMN cdc.organization_member.role IS 'owner, admin, member or viewer.';
COMMENT ON COLUMN cdc.organization_member.created_at IS 'When the row was made.';
COMMENT ON COLUMN cdc.organization_member.id IS 'Of the row.';
COMMENT ON COLUMN cdc.organization_member.role_oid IS 'The role, by its OID on the server of system_identifier; NULL: bound to none.';
COMMENT ON COLUMN cdc.organization_member.system_identifier IS
	'The server on which role_oid means the role; NULL: none. On another server nobody is a member until cdc.bind_members().';
COMMENT ON COLUMN cdc.organization_member.state IS 'invited, accepted or declined.';
COMMENT ON COLUMN cdc.organization_member.made IS 'This member made the organization.';
COMMENT ON COLUMN cdc.organization_member.invited_by IS 'The role that has added or invited it last; NULL: not known.';

COMMENT ON TABLE cdc.organization_event IS
	'What was done to organizations, their members and tokens, and by whom, in order of id; kept for cdc_pipeline.event_retention. Readers: '
	'owners and admins of the organization.';
COMMENT ON COLUMN cdc.organization_event.id IS 'Of the event.';
COMMENT ON COLUMN cdc.organization_event.organization_id IS 'The organization; NULL: about a token for all of a role''s.';
COMMENT ON COLUMN cdc.organization_event.at IS 'When.';
COMMENT ON COLUMN cdc.organization_event.kind IS
	'created, invited, accepted, declined, added, changed, removed, left, bound, token made or token revoked.';
COMMENT ON COLUMN cdc.organization_event.role IS 'The PostgreSQL role that did it.';
COMMENT ON COLUMN cdc.organization_event.message IS 'In words.';
COMMENT ON COLUMN cdc.organization_event.detail IS 'The member, the role, the id of the REST request; NULL: nothing more.';

COMMENT ON TABLE cdc.organization_limit IS
	'What an organization may have or use where a superuser said so (cdc.set_organization_limit()); else a setting says it. Readers: members of the '
	'organization.';
COMMENT ON COLUMN cdc.organization_limit.organization_id IS 'The organization.';
COMMENT ON COLUMN cdc.organization_limit.what IS
	'descriptors, events, findings, members, memory, nodes, pipelines, requests, services, tables or tokens: the setting is cdc_pipeline.organization_ and this.';
COMMENT ON COLUMN cdc.organization_limit.most IS 'How many; memory in MB.';

COMMENT ON TABLE cdc.api_token IS 'Bearer tokens, as a hash; cdc.list_tokens() shows them. Readers: superusers.';
COMMENT ON COLUMN cdc.api_token.id IS 'Of the token, for cdc.revoke_token().';
COMMENT ON COLUMN cdc.api_token.name IS 'What it is for.';
COMMENT ON COLUMN cdc.api_token.prefix IS 'Its first characters, to know it by.';
COMMENT ON COLUMN cdc.api_token.hash IS 'SHA-256 of the token.';
COMMENT ON COLUMN cdc.api_token.member IS 'Name of the role that it stands for, when the worker last looked.';
COMMENT ON COLUMN cdc.api_token.role_oid IS 'The role that it stands for, by its OID on the server of system_identifier.';
COMMENT ON COLUMN cdc.api_token.organization_id IS 'The only organization that it opens; NULL: all of the role''s.';
COMMENT ON COLUMN cdc.api_token.created_at IS 'When it was made.';
COMMENT ON COLUMN cdc.api_token.expires_at IS 'When it ends.';
COMMENT ON COLUMN cdc.api_token.last_used_at IS 'When it was used last, to five minutes; NULL: never.';
COMMENT ON COLUMN cdc.api_token.revoked_at IS 'When it was revoked; NULL: it was not.';
COMMENT ON COLUMN cdc.api_token.system_identifier IS 'The server on which role_oid means the role; NULL: none.';
COMMENT ON COLUMN cdc.api_token.last_used_from IS 'Address of the client that used it last, as the gateway knew it; NULL: not known.';
