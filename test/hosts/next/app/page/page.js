const Page = () => 'the app';

export default Page;
