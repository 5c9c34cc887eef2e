-- The reconciler's rules, in the order in which they are tried.
-- After a change on purpose: make expected
\pset format unaligned
\pset tuples_only on
SELECT format(E'%s %s: %s when %s\n    -> %s%s, %s, look again %s\n    %s\n    -- %s', id, section, array_to_string(statuses, ' '), guard,
	coalesce(status_to, 'as it was'), coalesce(' at ' || step, ''), action, retry, coalesce('"' || message || '"', 'no message'), comment)
FROM cdc.state_table;
\pset format aligned
\pset tuples_only off
-- From which status to which others, by how many rules.
SELECT s AS status, string_agg(DISTINCT status_to, ' ') AS leads_to, count(*) AS rules, count(*) FILTER (WHERE action <> 'none') AS that_act
FROM cdc.state_table, unnest(statuses) s GROUP BY s ORDER BY array_position('{Pending,Provisioning,Running,Failed,Deleting,Deleted}', s);
-- A status that no rule leads to, or that none leaves but the end.
SELECT s FROM unnest('{Pending,Provisioning,Running,Failed,Deleting,Deleted}'::text[]) s
WHERE (s <> 'Pending' AND NOT EXISTS (SELECT FROM cdc.state_table WHERE status_to = s AND statuses <> ARRAY[s]))
	OR (s <> 'Deleted' AND NOT EXISTS (SELECT FROM cdc.state_table WHERE s = ANY (statuses) AND status_to <> s));
-- A status from which Deleted, or Running, cannot be reached (Deleted is the end of all).
WITH RECURSIVE edge AS (SELECT DISTINCT s AS a, status_to AS b FROM cdc.state_table, unnest(statuses) s WHERE status_to IS NOT NULL),
	path AS (SELECT a, b FROM edge UNION SELECT p.a, e.b FROM path p JOIN edge e ON e.a = p.b)
SELECT s, goal FROM unnest('{Pending,Provisioning,Running,Failed,Deleting}'::text[]) s, unnest('{Running,Deleted}'::text[]) goal
WHERE NOT EXISTS (SELECT FROM path WHERE a = s AND b = goal);
-- Every action of the table, and in which statuses it may be taken.
SELECT action, string_agg(DISTINCT s, ' ') AS statuses, string_agg(DISTINCT id::text, ' ') AS rules
FROM cdc.state_table, unnest(statuses) s WHERE action <> 'none' GROUP BY action ORDER BY action COLLATE "C";
