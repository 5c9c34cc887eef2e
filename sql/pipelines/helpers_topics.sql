-- pipelines/helpers_topics.sql: whose a topic is.
--
-- A pipeline that names tables reserves the topic of each, one that captures all every
-- topic that begins with its prefix and a dot, each of them its heartbeat topic (two that share a prefix
-- share that, and the names of Debezium's metrics in the Connect worker).  So at most
-- one live pipeline of a sink writes to a topic.  What is reserved is given back when
-- the pipeline is deleted: one in Deleting holds nothing.

-- The topic of a table, named as it is kept ("schema"."table"), as Debezium makes it:
-- <prefix>.<schema>.<table> with illegal characters as _ (AbstractTopicNamingStrategy).
CREATE OR REPLACE FUNCTION cdc_inner.topic_of(prefix text, tab text) RETURNS text
	LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'cdc_topic_of';

-- Kafka's metrics do not tell . from _: topics that are equal so collide.
CREATE OR REPLACE FUNCTION cdc_inner.topic_key(topic text) RETURNS text
	LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'cdc_topic_key';

-- The topic of each table, in their order.
CREATE OR REPLACE FUNCTION cdc_inner.topics_of(prefix text, tables text[]) RETURNS text[]
	LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'cdc_topics_of';

-- Every beginning of one of the topics that a pipeline of all tables may have reserved.
CREATE OR REPLACE FUNCTION cdc_inner.topic_ranges(topics text[]) RETURNS text[]
	LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'cdc_topic_ranges';

-- ERROR 42710 when a live pipeline of the sink has one of the topics of a new one, whose
-- they are else.  tables: as they are kept, '{}': all.  Two that run beside each other
-- must not both find a topic free: the same key meets in the unique index, and one that
-- takes a whole range is alone with whatever else could be in it.
CREATE OR REPLACE FUNCTION cdc_inner.reserve_topics(pipeline uuid, organization uuid, sink uuid, prefix text, tables text[]) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_variable
DECLARE
	heartbeat text := '__debezium-heartbeat.' || prefix;
	range text := CASE WHEN tables = '{}' THEN prefix || '.' END;
	topics text[] := cdc_inner.topics_of(prefix, tables) || heartbeat;
	ranges text[] := cdc_inner.topic_ranges(CASE WHEN range IS NULL THEN topics ELSE ARRAY[range] END);
	-- one of some hundred of the organization's, so that no transaction takes all the locks that there are
	place text := format('topics %s %s', organization, hashtext(sink::text || split_part(prefix, '.', 1)) % 256);
	clash record;
	owner record;
	n bigint;
BEGIN
	IF range IS NULL THEN
		PERFORM cdc_inner.lock_shared(place);
	ELSE
		PERFORM cdc_inner.lock(place);
	END IF;
	LOOP
		INSERT INTO cdc.topic (sink_service_id, key, pipeline_id, whole, topic) SELECT sink, cdc_inner.topic_key(u), pipeline, false, u FROM unnest(topics) u
			UNION ALL SELECT sink, range, pipeline, true, range WHERE range IS NOT NULL ON CONFLICT DO NOTHING;
		GET DIAGNOSTICS n = ROW_COUNT;
		-- The same topic, or all that begin as it does.  Key by key: a plan that was made
		-- while the table was empty reads the whole sink for = ANY.
		SELECT t.*, u AS mine INTO clash FROM (SELECT u, cdc_inner.topic_key(u) AS key FROM unnest(topics) u UNION ALL SELECT u, u FROM unnest(ranges) u) k,
				LATERAL (SELECT x.* FROM cdc.topic x WHERE x.sink_service_id = sink AND x.key = k.key OFFSET 0) t
			WHERE t.pipeline_id <> pipeline ORDER BY u = heartbeat, t.sharer IS NOT NULL LIMIT 1;
		IF clash.key IS NULL AND range IS NOT NULL THEN
			-- what begins so; '/' follows '.'
			SELECT t.*, t.topic AS mine INTO clash FROM cdc.topic t WHERE t.sink_service_id = sink AND t.topic >= range AND t.topic < prefix || '/' AND t.pipeline_id <> pipeline ORDER BY t.topic LIMIT 1;
		END IF;
		EXIT WHEN clash.key IS NOT NULL;
		IF n = cardinality(topics) + (range IS NOT NULL)::integer THEN
			RETURN;
		END IF;
		-- who had it has given it back since
		DELETE FROM cdc.topic t WHERE t.pipeline_id = pipeline;
	END LOOP;
	SELECT p.name, p.topic_prefix INTO owner FROM cdc.pipeline_spec p WHERE p.id = clash.pipeline_id;
	RAISE duplicate_object USING MESSAGE = format('pipeline "%s" on this sink writes to the same topic', owner.name),
		DETAIL = CASE WHEN clash.whole THEN format('That one captures all tables: every topic that begins with "%s" is its own.', clash.topic)
			ELSE format('Topic "%s": the topic_prefix of that one is "%s" (a dot and an underscore count as the same).', clash.mine, owner.topic_prefix) END,
		HINT = 'Choose another topic_prefix, or delete that pipeline first.', COLUMN = 'config.topic_prefix';
END
$$;

-- Gives back what a pipeline has reserved.  What another one shares with it since
-- version 0.1 is then that one's own, and its finding ends.
CREATE OR REPLACE FUNCTION cdc_inner.release_topics(pipeline uuid, sink uuid) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_variable
DECLARE
	other record;
BEGIN
	DELETE FROM cdc.topic t WHERE t.pipeline_id = pipeline;
	FOR other IN SELECT t.* FROM cdc.topic t WHERE t.sink_service_id = sink AND t.sharer IS NOT NULL ORDER BY t.key LOOP
		CONTINUE WHEN EXISTS (SELECT FROM cdc.topic x WHERE x.sink_service_id = sink AND x.pipeline_id <> other.pipeline_id AND x.sharer IS NULL
			AND (x.key = other.key OR (x.whole AND starts_with(other.topic, x.topic)) OR (other.whole AND starts_with(x.topic, other.topic))));
		UPDATE cdc.topic t SET sharer = NULL WHERE t.sink_service_id = sink AND t.key = other.key AND t.sharer = other.sharer;
		IF NOT EXISTS (SELECT FROM cdc.topic t WHERE t.pipeline_id = other.pipeline_id AND t.sharer IS NOT NULL) THEN
			DELETE FROM cdc.finding f WHERE f.pipeline_id = other.pipeline_id AND f.check_name = 'topic_shared';
			PERFORM cdc_inner.ask('pipeline', other.pipeline_id);
		END IF;
	END LOOP;
END
$$;

-- For the update of a database of version 0.1, which knew no such table: the topics of
-- every live pipeline.  Where two have one, the older keeps it, and the younger runs on
-- beside it with a finding; so does one of which two tables share a topic.
CREATE OR REPLACE FUNCTION cdc_inner.reserve_all_topics() RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	CREATE TEMP TABLE cdc_topic ON COMMIT DROP AS
		SELECT DISTINCT ON (p.sink_service_id, p.id, k.key) p.sink_service_id, k.key COLLATE "C" AS key, p.id AS pipeline_id, k.whole, k.topic COLLATE "C" AS topic,
			dense_rank() OVER (ORDER BY p.created_at, p.id) AS age
		FROM cdc.pipeline_spec p, LATERAL (SELECT cdc_inner.topic_key(u) AS key, false AS whole, u AS topic FROM unnest(cdc_inner.topics_of(p.topic_prefix, p.tables) || ('__debezium-heartbeat.' || p.topic_prefix)) u
			UNION ALL SELECT p.topic_prefix || '.', true, p.topic_prefix || '.' WHERE p.tables = '{}') k
		WHERE p.desired_state = 'present' AND p.deleted_at IS NULL ORDER BY p.sink_service_id, p.id, k.key, k.topic COLLATE "C";
	CREATE INDEX ON pg_temp.cdc_topic (sink_service_id, key);
	CREATE INDEX ON pg_temp.cdc_topic (sink_service_id, topic);
	ANALYZE pg_temp.cdc_topic;
	INSERT INTO cdc.topic (sink_service_id, key, pipeline_id, whole, topic, sharer)
		SELECT t.sink_service_id, t.key, t.pipeline_id, t.whole, t.topic, CASE WHEN EXISTS (SELECT FROM pg_temp.cdc_topic o
				WHERE o.sink_service_id = t.sink_service_id AND o.pipeline_id <> t.pipeline_id AND o.age < t.age AND o.key = ANY (cdc_inner.topic_ranges(ARRAY[t.topic]) || t.key))
			OR (t.whole AND EXISTS (SELECT FROM pg_temp.cdc_topic o WHERE o.sink_service_id = t.sink_service_id AND o.pipeline_id <> t.pipeline_id AND o.age < t.age
				AND o.topic >= t.topic AND o.topic < left(t.topic, -1) || '/')) THEN t.pipeline_id END
		FROM pg_temp.cdc_topic t;
	INSERT INTO cdc.finding (organization_id, pipeline_id, check_name, concern, severity, observed, required, why)
		SELECT p.organization_id, p.id, 'topic_shared', 'flow', 'warning', 'pipeline ' || string_agg(DISTINCT format('"%s"', q.name), ', ') || ' writes to topics of this one too',
			'a topic_prefix of its own', 'consumers get the rows of both, and two pipelines with one topic_prefix share Debezium''s heartbeat topic; version 0.1 did not see this'
		FROM cdc.topic t JOIN cdc.pipeline_spec p ON p.id = t.pipeline_id
			JOIN cdc.topic o ON o.sink_service_id = t.sink_service_id AND o.pipeline_id <> t.pipeline_id
				AND (o.key = t.key OR (o.whole AND starts_with(t.topic, o.topic)) OR (t.whole AND starts_with(o.topic, t.topic)))
			JOIN cdc.pipeline_spec q ON q.id = o.pipeline_id
		WHERE t.sharer IS NOT NULL GROUP BY p.organization_id, p.id;
	-- 0.1 counted a character beyond U+FFFF as one
	INSERT INTO cdc.finding (organization_id, pipeline_id, check_name, concern, severity, observed, required, why)
		SELECT c.organization_id, c.id, 'tables_share_topic', 'flow', 'warning', left(string_agg(c.names, '; ' ORDER BY c.names), 1000), 'a topic for each table',
			'rows of both tables lie in one topic, under the same keys; version 0.1 did not see this'
		FROM (SELECT p.organization_id, p.id, string_agg(u, ' and ' ORDER BY u) AS names FROM cdc.pipeline_spec p, unnest(p.tables) u
			WHERE p.desired_state = 'present' AND p.deleted_at IS NULL GROUP BY p.organization_id, p.id, cdc_inner.topic_key(cdc_inner.topic_of(p.topic_prefix, u)) HAVING count(*) > 1) c
		GROUP BY c.organization_id, c.id;
	DROP TABLE pg_temp.cdc_topic;
END
$$;
