-- Every setting, as docs/configuration.md tells it.
-- After a change on purpose: make expected
\pset format unaligned
\pset tuples_only on
SELECT format(E'%s: %s, %s%s, default "%s"%s\n    %s%s', name, vartype, context, coalesce(', unit ' || unit, ''), boot_val,
	coalesce(', from ' || min_val || ' to ' || max_val, ''), short_desc, coalesce(' ' || extra_desc, ''))
FROM pg_settings WHERE name LIKE 'cdc\_pipeline.%' ORDER BY name COLLATE "C";
