import fc from 'fast-check';

// That a property fails is all that has to be known.
fc.configureGlobal({ endOnFailure: true });
