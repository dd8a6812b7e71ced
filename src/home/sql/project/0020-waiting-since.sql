-- owner: delivery
-- breaking: no
-- Since when each permitted target lacks something, for whoever asks after every command: one row a route and stream,
-- each found by two steps into an index. Bodies wait only for targets that take them.

CREATE VIEW waiting_since AS
  SELECT f.route_id, f.stream, coalesce(
    (SELECT e.captured_at FROM event_deliveries d INDEXED BY event_deliveries_due
     JOIN events e ON e.seq = d.seq
     WHERE d.gen_id = f.gen_id AND d.state = 1 ORDER BY d.seq LIMIT 1),
    (SELECT e.captured_at FROM events e WHERE e.seq >= f.next_seq AND e.eligible = 1
     ORDER BY e.seq LIMIT 1)) AS since
  FROM grants g
  JOIN generations f ON f.route_id = g.route_id AND f.stream = 1 AND f.kind = 1 AND f.closed_at IS NULL
  UNION ALL
  SELECT f.route_id, f.stream, coalesce(
    (SELECT u.created_at FROM body_deliveries d INDEXED BY body_deliveries_due
     JOIN uploads u ON u.seq = d.seq
     WHERE d.gen_id = f.gen_id AND d.state = 1 ORDER BY d.seq LIMIT 1),
    (SELECT u.created_at FROM uploads u WHERE u.seq >= f.next_seq AND u.eligible = 1
     ORDER BY u.seq LIMIT 1))
  FROM grants g
  JOIN routes r ON r.route_id = g.route_id
  JOIN targets t ON t.target_id = r.target_id AND (t.kind <> 2 OR t.accepts_bodies = 1)
  JOIN generations f ON f.route_id = g.route_id AND f.stream = 2 AND f.kind = 1 AND f.closed_at IS NULL;
