-- organizations/calls_limits.sql: what an organization may have and use.

CREATE OR REPLACE FUNCTION cdc_inner.organization_limits(organization uuid) RETURNS TABLE (what text, most bigint, used bigint, meaning text)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
	PERFORM cdc_inner.require(organization, 'service:read');
	RETURN QUERY SELECT k.what, coalesce(l.most, k.most), cdc_inner.limit_used(organization_limits.organization, k.what), k.meaning
		FROM cdc_inner.limit_kinds() k LEFT JOIN cdc.organization_limit l ON l.organization_id = organization_limits.organization AND l.what = k.what ORDER BY k.what;
END
$$;
COMMENT ON FUNCTION cdc_inner.organization_limits IS
	'What an organization may have and use, and how much of it there is. organization: its id. what: the kind, the last word of its setting '
	'cdc_pipeline.organization_<what>. most: of cdc.organization_limit, else of the setting; memory in MB. used: NULL: the worker alone knows, or it is one '
	'pipeline''s. meaning: in words. For viewers. Errors: 42704.';

CREATE OR REPLACE FUNCTION cdc_inner.set_organization_limit(organization uuid, what text, most bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	PERFORM cdc_inner.require_superuser('cdc.set_organization_limit()');
	PERFORM cdc_inner.require(organization, 'admin');
	IF what IS NULL OR what NOT IN (SELECT k.what FROM cdc_inner.limit_kinds() k) THEN
		PERFORM cdc_inner.raise_invalid('unknown kind of limit', format('It was %L.', left(what, 100)),
			format('Use one of %s.', (SELECT string_agg(k.what, ', ' ORDER BY k.what) FROM cdc_inner.limit_kinds() k)));
	END IF;
	IF most < 0 THEN
		PERFORM cdc_inner.raise_invalid('a limit must not be negative', format('It was %s.', most), 'Give how many there may be; NULL: as many as the setting says.');
	END IF;
	IF most IS NULL THEN
		DELETE FROM cdc.organization_limit l WHERE l.organization_id = organization AND l.what = what;
	ELSE
		INSERT INTO cdc.organization_limit (organization_id, what, most) VALUES (organization, what, most)
			ON CONFLICT ON CONSTRAINT organization_limit_pkey DO UPDATE SET most = excluded.most;
	END IF;
	PERFORM cdc_inner.ask('round', NULL);
END
$$;
COMMENT ON FUNCTION cdc_inner.set_organization_limit IS
	'Says how much an organization may have or use. What it has above that stays; more is refused. organization: its id. what: of '
	'cdc.organization_limits(). most: how many, at least 0; NULL: what the setting cdc_pipeline.organization_<what> says. For superusers. Errors: 22023, '
	'42704 unknown organization.';
