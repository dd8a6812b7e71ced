-- owner: delivery
-- breaking: no

-- The command that ends what stands on a route, where delivering again would not: the address a receiver moved to, the
-- login it wants. Null where trying again is all there is to do.
ALTER TABLE routes ADD COLUMN blocked_remedy TEXT;
