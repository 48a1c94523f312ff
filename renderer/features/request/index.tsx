/** Request. */
export const RequestScreen = () => <main>request</main>;
