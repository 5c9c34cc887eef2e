-- services/tables_zones.sql: zones, and those that are shipped.  Europe is one peering region.

-- Zone -> peering region; editable.  A zone that is not here is its own region.
CREATE TABLE cdc.zone (
	zone			text PRIMARY KEY,
	peering_region	text NOT NULL
);

-- To take a shipped zone out of its region, UPDATE it to a region of its own
-- name: a row that was deleted would be back after a restore.

-- A restored dump brings rows that CREATE EXTENSION has made already: the
-- dumped one wins, so that edits survive.
CREATE OR REPLACE FUNCTION cdc_inner.zone_upsert() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	UPDATE cdc.zone z SET peering_region = NEW.peering_region WHERE z.zone = NEW.zone;
	IF FOUND THEN
		RETURN NULL;
	END IF;
	RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER zone_upsert BEFORE INSERT ON cdc.zone FOR EACH ROW EXECUTE FUNCTION cdc_inner.zone_upsert();

INSERT INTO cdc.zone (zone, peering_region) SELECT z, 'europe'
	FROM pg_catalog.unnest('{fi-hel1,fi-hel2,de-fra1,nl-ams1,se-sto1,pl-waw1,es-mad1,dk-cph1,no-svg1,uk-lon1}'::text[]) z;
