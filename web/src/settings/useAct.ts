import { type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";

/** Something that is changed here; what it touches is read anew, also where it failed. */
export function useAct<About, Became>(act: (about: About) => Promise<Became>, ...touched: QueryKey[]) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSettled: () => Promise.all(touched.map((queryKey) => client.invalidateQueries({ queryKey }))),
  });
}
