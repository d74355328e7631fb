-- Lists of everything merge the entries of the three states: one index less for
-- new entries to pay for.
DROP INDEX entries_by_day;
