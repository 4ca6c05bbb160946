/**
 * Where the fields of a record batch's header are, in bytes from its start
 * (https://kafka.apache.org/documentation/#recordbatch). The first three places are common to all versions of the
 * format. The base offset, 0, is the first field.
 */
export const LENGTH_AT = 8;
/** What the length counts. */
export const BODY_AT = 12;
export const LEADER_EPOCH_AT = 12;
export const MAGIC_AT = 16;
export const CRC_AT = 17;
/** What the checksum covers, up to the end. */
export const ATTRIBUTES_AT = 21;
export const LAST_OFFSET_DELTA_AT = 23;
export const BASE_TIMESTAMP_AT = 27;
export const MAX_TIMESTAMP_AT = 35;
export const PRODUCER_ID_AT = 43;
export const COUNT_AT = 57;
export const RECORDS_AT = 61;

/** The version of the format. */
export const MAGIC = 2;
