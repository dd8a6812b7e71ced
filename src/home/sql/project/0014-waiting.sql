-- owner: delivery
-- breaking: no
-- What waits after an answer, so that status counts it without a look at everything that waits.

CREATE INDEX event_deliveries_tried ON event_deliveries (gen_id, attempts, outcome, due_at)
  WHERE state = 1 AND attempts > 0;
