-- What a POST with an Idempotency-Key was answered, for a day: a repeated one gets the same answer.
-- status 0: the request is being worked on since claimed_at.
CREATE TABLE idempotency (
    principal TEXT NOT NULL,
    name TEXT NOT NULL,
    request BLOB NOT NULL,
    status INTEGER NOT NULL,
    answer BLOB NOT NULL,
    claimed_at INTEGER NOT NULL,
    PRIMARY KEY (principal, name),
    CONSTRAINT idempotency_name_length CHECK (length(CAST(name AS BLOB)) BETWEEN 1 AND 255),
    CONSTRAINT idempotency_request CHECK (length(request) = 32),
    CONSTRAINT idempotency_answer_length CHECK (length(answer) <= 70000)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_age ON idempotency (claimed_at);
