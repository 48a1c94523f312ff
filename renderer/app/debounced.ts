/** A value that follows once it has been still for a moment: for what is asked of the service while somebody types. */
import { useEffect, useState } from 'react';

export function useDebounced<T>(value: T, stillMs: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), stillMs);
    return () => clearTimeout(timer);
  }, [value, stillMs]);
  return settled;
}
