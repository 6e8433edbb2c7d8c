-- Events and clicks: one sequence of ids, and partitions by the same ranges of ids.

CREATE SEQUENCE event_id_seq;

CREATE TABLE events (
	id bigint NOT NULL DEFAULT nextval('event_id_seq') PRIMARY KEY,
	at timestamptz NOT NULL DEFAULT clock_timestamp(),
	url_id bigint,
	user_id bigint,
	event_type text COLLATE "C" NOT NULL,
	details jsonb NOT NULL DEFAULT '{}'
) PARTITION BY RANGE (id);
CREATE INDEX events_url ON events (url_id, id) WHERE url_id IS NOT NULL;
CREATE INDEX events_user ON events (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX events_type ON events (event_type, id);
-- Two for windows of time: `at` for those with few rows, days for the others, whose rows
-- are wanted in the order of ids.
CREATE INDEX events_at ON events (at);
CREATE INDEX events_day ON events (((at AT TIME ZONE 'UTC')::date), id);

CREATE TABLE clicks (
	id bigint NOT NULL DEFAULT nextval('event_id_seq') PRIMARY KEY,
	at timestamptz NOT NULL,
	url_id bigint NOT NULL,
	user_id bigint,
	visit_id uuid NOT NULL,
	visitor bigint NOT NULL,
	is_bot boolean NOT NULL,
	short_code text COLLATE "C" NOT NULL,
	referrer text COLLATE "C",
	user_agent text COLLATE "C"
) PARTITION BY RANGE (id);
CREATE INDEX clicks_url ON clicks (url_id, id);
CREATE INDEX clicks_user ON clicks (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX clicks_at ON clicks (at);
CREATE INDEX clicks_day ON clicks (((at AT TIME ZONE 'UTC')::date), id);
-- A retried request brings a visit twice.
CREATE INDEX clicks_visit ON clicks (visit_id);

-- What an `updated` event says of a url's members before and after.
CREATE FUNCTION change_details(old_title text, new_title text, old_url text, new_url text,
	old_active boolean, new_active boolean) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_build_object('changes', jsonb_object_agg(field,
			jsonb_build_object('old', old_value, 'new', new_value))) ||
		CASE count(*)
			WHEN 1 THEN jsonb_build_object('field', min(field),
				'new_value', (array_agg(new_value))[1])
			ELSE '{}'
		END
	FROM (VALUES
		('title', to_jsonb(old_title), to_jsonb(new_title)),
		('original_url', to_jsonb(old_url), to_jsonb(new_url)),
		('is_active', to_jsonb(old_active), to_jsonb(new_active))
	) AS members (field, old_value, new_value)
	WHERE old_value IS DISTINCT FROM new_value;
END;

-- Makes partition `part` (of 2^23 ids) of both tables unless it is there. Attaching an empty
-- table blocks neither readers nor writers. The owner's rights, for whoever may insert.
CREATE FUNCTION event_partition(part bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
	parent text;
	child text;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended('event_partition', 0));
	FOREACH parent IN ARRAY ARRAY['events', 'clicks'] LOOP
		child := parent || '_p' || part;
		CONTINUE WHEN to_regclass(child) IS NOT NULL;
		EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', child, parent);
		EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
			parent, child, part << 23, (part + 1) << 23);
	END LOOP;
END
$$;

-- Those that the sequence is in, and will be in next.
CREATE FUNCTION event_partitions_ahead() RETURNS void
LANGUAGE sql
BEGIN ATOMIC
	SELECT event_partition((last_value >> 23) + ahead)
	FROM event_id_seq, generate_series(0, 1) AS ahead
	WHERE to_regclass('clicks_p' || ((last_value >> 23) + ahead)) IS NULL;
END;

-- Those that an import's ids need, but only a few at a time and not too many altogether:
-- every list has to look into all of them.
CREATE FUNCTION event_partitions_for(ids bigint[]) RETURNS void
LANGUAGE sql
BEGIN ATOMIC
	SELECT event_partition(part)
	FROM (
		SELECT DISTINCT id >> 23 AS part FROM unnest(ids) AS id
		WHERE id IS NOT NULL AND to_regclass('clicks_p' || (id >> 23)) IS NULL
			AND (SELECT count(*) FROM pg_inherits WHERE inhparent = 'clicks'::regclass) < 200
		ORDER BY part LIMIT 4
	) AS missing;
END;

SELECT event_partitions_ahead();
