-- What a POST with an Idempotency-Key was answered, for a day: a repeated one gets the same answer.
-- status 0: the request is being worked on since claimed_at.
CREATE TABLE idempotency (
    principal text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    request bytea NOT NULL,
    status bigint NOT NULL,
    answer bytea NOT NULL,
    claimed_at bigint NOT NULL,
    PRIMARY KEY (principal, name),
    CONSTRAINT idempotency_name_length CHECK (octet_length(name) BETWEEN 1 AND 255),
    CONSTRAINT idempotency_request CHECK (octet_length(request) = 32),
    CONSTRAINT idempotency_answer_length CHECK (octet_length(answer) <= 70000)
);
CREATE INDEX idempotency_age ON idempotency (claimed_at);
