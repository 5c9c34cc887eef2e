-- The keys of a service's connection: what each may be, who may set it, what it directs.
\pset format unaligned
\pset tuples_only on
SELECT format(E'%s %s: %s, by %s%s%s\n    %s\n    a change: %s', k.database_type, k.key, k.type, k.set_by,
		CASE WHEN k.secret THEN ', secret' ELSE '' END, CASE WHEN k.directs_secret THEN ', directs ' || array_to_string(k.directs, ' ') ELSE '' END, k.rule, k.on_change)
FROM cdc.connection_keys() k ORDER BY k.database_type, k.key;

-- The options of a pipeline.
SELECT format(E'%s: %s, %s%s\n    %s\n    a change: %s', o.name, o.type, o.rule, coalesce('; ' || o.default_value, ''), o.meaning, o.on_live) FROM cdc.options() o ORDER BY o.name;
